export { EVERYTHING, type SampleSa, sampleSa } from "./sample-sa.ts";
