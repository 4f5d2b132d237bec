// Renders cases with LiquidJS, whose package is the argument: a JSON object with template and context on each line, an
// output or error on each line.
const readline = require("node:readline");
const { Liquid } = require(process.argv[2]);

const engine = new Liquid({ strictFilters: true });
readline.createInterface({ input: process.stdin, crlfDelay: Infinity }).on("line", (line) => {
  let answer;
  try {
    const { template, context } = JSON.parse(line);
    // It cuts letters in two, and JSON has no halves of them.
    answer = { output: engine.parseAndRenderSync(template, context).toWellFormed() };
  } catch (error) {
    answer = { error: `${error.name}: ${error.message}` };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
