/** For tests of other packages too: speakers on a simulated network. */
export { SimulatedSpeaker, SpeakerNetwork } from "./speaker-network.ts";
