/** `node packages/contract/test/resources/write-schema.ts` writes lab/schema.json anew. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { labJsonSchema } from "../../src/index.ts";

const file = fileURLToPath(new URL("../../../../lab/schema.json", import.meta.url));
writeFileSync(file, `${JSON.stringify(labJsonSchema(), null, 2)}\n`);
