export * from "./control.ts";
export * from "./event.ts";
export * from "./instance-config.ts";
export * from "./lab-inspect.ts";
export * from "./status.ts";
