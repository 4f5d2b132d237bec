// Renders rows with LiquidJS, whose package is the argument. First line: a template and rows. Then `all` renders all of them
// and answers with the microseconds of processor time, and a number answers with the output for that row.
const readline = require("node:readline");
const { Liquid } = require(process.argv[2]);

const engine = new Liquid();
let template, rows;
let kept = 0;
readline.createInterface({ input: process.stdin, crlfDelay: Infinity }).on("line", (line) => {
  if (rows === undefined) {
    const given = JSON.parse(line);
    template = engine.parse(given.template);
    rows = given.rows;
    return;
  }
  let answer;
  if (line === "all") {
    const start = process.cpuUsage();
    for (const row of rows) kept += engine.renderSync(template, row).length;
    const used = process.cpuUsage(start);
    answer = String(used.user + used.system);
  } else {
    answer = engine.renderSync(template, rows[Number(line)]);
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
