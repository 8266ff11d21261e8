exports.pick = (list) => list[Math.floor(Math.random() * list.length)];
