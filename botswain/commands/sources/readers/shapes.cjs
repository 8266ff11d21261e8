// What a bot's modules export: commands in a shape of discord.js, shapes of the bot's own, and what is no command.
'use strict';

const NO_HANDLERS = ['constructor', 'toJSON', 'autocomplete'];
const OF_MESSAGES = /^(message|msg)$/i;
const OF_INTERACTIONS = /^(interaction|inter|itx|int|i|ctx|context)$/i;
const OPTION_FIELDS = [
  'required', 'choices', 'autocomplete', 'min_value', 'max_value', 'minValue', 'maxValue', 'min_length', 'max_length',
  'minLength', 'maxLength', 'channel_types', 'channelTypes', 'file_types', 'fileTypes',
];
const OPTION_LISTS = /^(options|choices|sub_?commands?|sub_?command_?groups?|groups)$/i;
const KINDS = ['', 'CHAT_INPUT', 'USER', 'MESSAGE', 'PRIMARY_ENTRY_POINT'];

const isObject = (value) => value !== null && typeof value === 'object';
const hasMethod = (value, name) => isObject(value) && typeof value[name] === 'function';
const isBuilder = (value) =>
  hasMethod(value, 'toJSON') && (hasMethod(value, 'setDefaultMemberPermissions') || hasMethod(value, 'setDefaultPermission'));
const isPartBuilder = (value) => hasMethod(value, 'toJSON') && hasMethod(value, 'setName') && !isBuilder(value);
const source = (member) => Function.prototype.toString.call(member);
const isNative = (member) => /\{\s*\[native code\]\s*\}\s*$/.test(source(member));
const isClass = (value) => typeof value === 'function' && /^class\b/.test(source(value));
const named = (names) => `${names.slice(0, 3).join(', ')}${names.length > 3 ? ' and more' : ''}`;

function isPlain(value) {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || value[Symbol.toStringTag] === 'Module';
}

// The members of a value and of its classes; not what the language itself gives to every list or map.
function* members(value) {
  for (let part = value; part && part !== Object.prototype && part !== Function.prototype; part = Object.getPrototypeOf(part)) {
    for (const [name, { value: member, get }] of Object.entries(Object.getOwnPropertyDescriptors(part))) {
      const held = get ? value[name] : member;
      if (part === value || typeof held !== 'function' || !isNative(held)) yield [name, held];
    }
  }
}

// Whether something runs a command: any function, also in a mapping of sub-commands.
function hasHandler(value, depth = 2) {
  if ((!isObject(value) && typeof value !== 'function') || isBuilder(value)) return false;
  for (const [name, held] of members(value)) {
    if (NO_HANDLERS.includes(name)) continue;
    if (typeof held === 'function') return true;
    if (depth > 1 && isObject(held) && (isPlain(held) || Array.isArray(held)) && hasHandler(held, depth - 1)) return true;
  }
  return false;
}

// Whether an object is a command as Discord writes it, and not an option, an event or something else with a name.
function isRaw(value, sure, owner) {
  if (!isObject(value) || typeof value.name !== 'string') return false;
  const { type, description } = value;
  const kind = typeof type === 'string' ? KINDS.indexOf(type.toUpperCase()) : type;
  if (![undefined, null, 1, 2, 3, 4].includes(kind)) return false;
  if (kind > 1 && OPTION_FIELDS.some((name) => name in value)) return false;
  if (kind === 2 || kind === 3) return !description || hasHandler(value);
  if (kind === 4) return 'handler' in value || !description || hasHandler(value) || (owner !== value && hasHandler(owner, 1));
  return typeof description === 'string' && (sure || kind === 1 || hasHandler(value) || hasHandler(owner, 1));
}

// Whether `data` beside a handler is meant to be a command, perhaps without its name.
function looksMeant(data, owner) {
  if (isRaw(hasMethod(data, 'toJSON') ? data.toJSON() : data, true, owner)) return true;
  return isPlain(data) && hasHandler(owner) && ('name' in data || 'description' in data) && data.type === undefined;
}

// The parameters of a function, as words.
function parameters(member) {
  const text = source(member).replace(/^(async\s+)?(function\b\s*\*?\s*)?/, '');
  const head = /^[\w$]+\s*=>/.test(text) ? text.slice(0, text.indexOf('=>')) : text.slice(text.indexOf('(') + 1, text.indexOf(')'));
  return head.match(/[\w$]+/g) ?? [];
}

// The function by which a command is one of messages such as `!ping` alone; undefined for one that Discord knows.
function ofMessages(value) {
  if (![undefined, null].includes(value.type)) return undefined;
  if (isPlain(value) && Array.isArray(value.options) && value.options.length) return undefined;
  const found = [...members(value)].filter(([name, held]) => typeof held === 'function' && !NO_HANDLERS.includes(name) && !isClass(held));
  const taking = (kind) => found.find(([, held]) => parameters(held).some((word) => kind.test(word)));
  return taking(OF_INTERACTIONS) ? undefined : taking(OF_MESSAGES)?.[0];
}

function whyOfMessages(value) {
  const name = ofMessages(value);
  return name && { reason: `a command of messages (\`${name}\` takes a message and no interaction)`, doubtful: true };
}

// Why a value with the name and the description of a command is passed over among others; undefined for any other value.
function whyPassedOver(value, key) {
  if (!isObject(value) || typeof value.name !== 'string' || typeof value.description !== 'string') return undefined;
  if (value.type !== undefined || isPartBuilder(value)) return undefined;
  return { place: `\`${key}\``, reason: 'has a name and a description, but no options, type or function', doubtful: true };
}

const isOptionLike = (value) => isObject(value) && typeof value.name === 'string' && 'type' in value;
const areOptions = (name, value) =>
  /opt|arg|param/i.test(name) && Array.isArray(value) && value.length > 0 && value.every((one) => isPartBuilder(one) || isOptionLike(one));

// Where a command that is read as it is exported keeps what discord.js does not look for; undefined where it does not.
function ownShape(value) {
  const plain = !(Array.isArray(value.options) && value.options.length);
  for (const [name, held] of Object.entries(value)) {
    if (plain && name !== 'options' && areOptions(name, held)) {
      return { field: name, why: `its options are in \`${name}\`` };
    }
    if (!isObject(held) || Array.isArray(held) || isBuilder(held) || !isPlain(held)) continue;
    const options = Object.keys(held).find((inner) => areOptions(inner, held[inner]));
    if (plain && options) return { field: name, why: `its options are in \`${name}.${options}\`` };
    if (held.enabled === false && /slash|interaction|application/i.test(name)) {
      return { field: name, why: `\`${name}.enabled: false\` says that it is no slash command` };
    }
  }
  const flag = ['slash', 'slashCommand', 'slashOnly', 'isSlash', 'interaction'].find((name) => value[name] === false);
  return flag && { field: flag, why: `\`${flag}: false\` says that it is no slash command` };
}

// Why nothing of what a module exports is a command; `doubtful` where it may be meant as one.
function whyNone(exported) {
  const value = exported?.default !== undefined && (exported.__esModule || !isPlain(exported) || Object.keys(exported).length === 1)
    ? exported.default : exported;
  const what = whyNot(value);
  if (what) return what;
  const names = isObject(value) ? Object.keys(value) : [];
  if (!names.length) return { reason: isObject(value) || value === undefined ? 'exports nothing' : `exports a ${typeof value}` };
  const doubts = names.map((name) => whyNot(value[name], name)).filter((one) => one?.doubtful);
  if (doubts.length) return doubts[0];
  if (names.every((name) => typeof value[name] === 'function')) return { reason: `exports functions only: ${named(names)}` };
  return { reason: `exports nothing with a name and a description: ${named(names)}` };
}

// Why one value is no command; undefined where there is nothing to say of it alone.
function whyNot(value, key) {
  const which = key ? ` (\`${key}\`)` : '';
  if (isClass(value)) {
    const parent = /^class\s*[\w$]*\s+extends\s+([\w$.]+)/.exec(source(value))?.[1];
    const name = `the class ${value.name || key || 'without a name'}${parent ? ` (extends ${parent})` : ''}`;
    return { reason: `exports ${name}, and classes are not made into objects`, doubtful: Boolean(parent) || 'name' in value.prototype };
  }
  if (typeof value === 'function') return key ? undefined : { reason: 'exports a function' };
  if (!isObject(value) || Array.isArray(value) || isPartBuilder(value)) return undefined;
  if (!isPlain(value) && !value.__esModule && !(value instanceof Map)) {
    const inner = Object.values(value).some((one) => isObject(one) && ('description' in one || 'name' in one));
    return { reason: `exports an instance of ${value.constructor?.name || 'a class'}${which} without a name and a description`, doubtful: inner };
  }
  if (!hasHandler(value)) return undefined;
  const message = typeof value.name === 'string' && whyOfMessages(value);
  if (message) return message;
  if (typeof value.name === 'string') {
    const event = 'once' in value || 'event' in value || 'emitter' in value;
    return { reason: `has a name and a function, but no description${event ? ': an event' : ''}${which}`, doubtful: !event };
  }
  if (typeof value.description === 'string') return { reason: `has a description and a function, but no name${which}`, doubtful: true };
  return undefined;
}

module.exports = {
  OPTION_LISTS, hasHandler, hasMethod, isBuilder, isObject, isPartBuilder, isPlain, isRaw, looksMeant, ownShape,
  whyNone, whyOfMessages, whyPassedOver,
};
