// Artibot's own registration of its global commands. usage: BOT_TOKEN=… node register.js API_URL APPLICATION_ID
import { Artibot, ArtibotConfigBuilder, InteractionManager } from 'artibot';

const [api, application] = process.argv.slice(2);
const bot = new Artibot(new ArtibotConfigBuilder().setOwnerId('1').setTestGuildId('2').disableDevMode());
bot.client = { user: { id: application } };
const manager = new InteractionManager({ token: process.env.BOT_TOKEN, artibot: bot });
manager.rest.options.api = api; // before anything is asked: it would ask Discord
manager.generateData(bot.modules);
if (!await manager.register()) throw new Error('Artibot could not register its commands');
