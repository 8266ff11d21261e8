// The bot's commands, one module each. Botswain registers them; the bot itself never does.
import * as bells from './bells.js';
import * as course from './course.js';
import * as drill from './drill.js';
import * as harbour from './harbour.js';
import * as papers from './papers.js';
import * as ping from './ping.js';
import * as spell from './spell.js';

export const commands = [ping, bells, harbour, course, drill, papers, spell];
