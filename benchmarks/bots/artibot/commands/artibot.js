// What the owner of an Artibot writes: it makes its commands when it starts, from the modules that it is given.
import { Artibot, ArtibotConfigBuilder } from 'artibot';

const bot = new Artibot(new ArtibotConfigBuilder().setOwnerId('1').setTestGuildId('2').disableDevMode());
const parts = [...bot.modules.values()].flatMap((module) => module.parts);

export default parts.filter((part) => part.data);
