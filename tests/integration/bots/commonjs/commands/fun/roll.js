// As bots without builders write them.
module.exports = {
  name: 'roll',
  description: 'Rolls a die',
  nameLocalizations: { de: 'würfeln', 'es-ES': undefined },
  defaultMemberPermissions: ['SendMessages', 2048n, 'UseVAD'],
  dmPermission: false,
  category: 'fun',
  aliases: ['dice'],
  options: [
    { type: 4, name: 'sides', description: 'How many', minValue: 2, maxValue: 1000, required: false },
    { type: 7, name: 'where', description: 'Where to', channelTypes: [0, 5], nameLocalizations: { de: 'wo' } },
    { type: 3, name: 'with', description: 'With what', choices: [{ name: 'Luck', value: 'luck', nameLocalizations: { de: 'Glück' } }] },
  ],
  execute: async () => {},
};
