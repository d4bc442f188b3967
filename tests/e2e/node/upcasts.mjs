// Runs generated upcasters, and the same plans as JSONata, on old events. `node upcasts.mjs FOLDER`: FOLDER/cases.json
// names modules, expressions and events (as plans write constants); one line of JSON comes out for each case.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import jsonata from "jsonata";

const FLOATS = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };

function read(value) {
  if (Array.isArray(value)) return value.map(read);
  if (value === null || typeof value !== "object") return value;
  const [name, ...more] = Object.keys(value);
  if (more.length === 0 && name === "$bytes") return Uint8Array.from(Buffer.from(value[name], "base64"));
  if (more.length === 0 && name === "$float") return FLOATS[value[name]];
  if (more.length === 0 && name === "$int") return Number(value[name]); // as near as a number of JavaScript's comes
  if (more.length === 0 && name === "$object") return read(value[name]);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, read(each)]));
}

function written(value) {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (typeof value === "number" && !Number.isFinite(value)) return { $float: String(value) };
  if (Array.isArray(value)) return Array.from(value, written);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, written(each)]));
}

const folder = process.argv[2];
for (const { name, module, expression, events, mayThrow } of JSON.parse(readFileSync(`${folder}/cases.json`, "utf8"))) {
  const out = { name };
  if (module) {
    const { upcast } = await import(pathToFileURL(`${folder}/${module}`).href);
    out.typescript = events.map((event) => {
      const old = read(event);
      let made;
      try {
        made = JSON.stringify(written(upcast(old)));
      } catch (error) {
        if (!mayThrow) throw error;
        made = JSON.stringify({ thrown: error.constructor.name });
      }
      if (JSON.stringify(written(old)) !== JSON.stringify(written(read(event)))) throw new Error(`${name}: input changed`);
      return JSON.parse(made);
    });
  }
  if (expression) {
    const program = jsonata(expression);
    out.jsonata = [];
    for (const event of events) out.jsonata.push(written(await program.evaluate(read(event))));
  }
  console.log(JSON.stringify(out));
}
