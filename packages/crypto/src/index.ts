export type {
  EncryptionChoice,
  EncryptionName,
  GroupName,
  HashName,
  IntegrityName,
  PrfName,
} from "./algorithms.ts";
