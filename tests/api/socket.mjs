// Reads schema/asyncapi.json with the parser of the AsyncAPI project, which knows every rule of the specification.
//
//   node socket.mjs FILE

import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
// Errors and warnings; what is less is advice.
const problems = diagnostics.filter(({ severity }) => severity <= 1);
for (const { path, message } of problems) console.error(`${path.join("/")}: ${message}`);
if (!document || problems.length > 0) process.exit(1);
console.log(`the WebSocket: ${document.operations().length} operations, ${document.messages().length} messages`);
