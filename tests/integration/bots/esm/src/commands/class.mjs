class Command {
  name = 'classy';
  description = 'Is an instance of a class';
  data = undefined;
  client = { commands: [this] };
  async run() {}
}

export default new Command();
