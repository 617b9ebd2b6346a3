import { describe } from "vitest";
import { nodeBackend } from "../../src/node-backend.ts";
import { backendSuite } from "./backend-suite.ts";

describe("node backend", () => backendSuite(nodeBackend, { des: true }));
