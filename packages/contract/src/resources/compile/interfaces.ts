import type { InstanceConfigInput } from "../../instance-config.ts";
import type { LabFile } from "../lab-file.ts";

/** Outside, inside and TUN of an instance or a device of ours. */
export const interfacesOf = ({
  encapsulation,
  outerDontFragment,
  tunMtu,
  mssClamp,
  fragment,
}: LabFile["tandem"]["options"]) =>
  ({
    outside: { interface: "out", encapsulation, dontFragment: outerDontFragment },
    inside: { interface: "in" },
    tun: { interface: "tun0", mtu: tunMtu, mssClamp, fragment },
  }) satisfies Pick<InstanceConfigInput, "outside" | "inside" | "tun">;
