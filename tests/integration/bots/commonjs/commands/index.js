const fs = require('fs');
const path = require('path');

module.exports = Object.fromEntries(fs.readdirSync(__dirname)
  .filter((name) => /^\w+\.js$/.test(name) && !/^(index|_.*)\.js$/.test(name))
  .map((name) => [path.parse(name).name, require(path.join(__dirname, name))]));
