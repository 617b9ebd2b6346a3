/**
 * The process of one instance or device:
 *
 *      node packages/gateway/src/main.ts --config FILE.json [--check]
 *
 * Only this: the compile cache is switched on before anything large is loaded. It holds the sources with their types
 * stripped, and takes the start of a process from about 1 s to 0.3 s. Worker threads find it in the environment.
 */
import { enableCompileCache } from "node:module";

const { directory } = enableCompileCache();
if (directory !== undefined) process.env.NODE_COMPILE_CACHE ??= directory;
const { main } = await import("./process-main.ts");
await main(process.argv.slice(2));
