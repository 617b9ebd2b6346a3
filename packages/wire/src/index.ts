export {
  type AddressFamily,
  addressFamily,
  canonicalAddress,
  formatAddress,
  parseAddress,
} from "./address.ts";
export {
  makePrefix,
  maskBytes,
  type Prefix,
  parsePrefix,
  prefixContains,
  prefixContainsAddress,
  prefixesOverlap,
} from "./prefix.ts";
