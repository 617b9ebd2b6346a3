/** `lab list`. */
import { isLabRunning, listLabs, listTopologies } from "@tandem/lab";
import { print, printJson } from "../render/output.ts";
import { renderTable } from "../render/table.ts";
import { flag, JSON_OPTION, type Verb } from "../verb.ts";

export const verb: Verb = {
  usage: "lab list",
  about: "The labs of this user, and the topologies that can be brought up.",
  mostWords: 0,
  options: { ...JSON_OPTION },
  async run(invocation) {
    const labs = listLabs().map(({ folder, record }) => ({
      name: record.lab,
      topology: record.topology,
      state: isLabRunning(folder) ? "up" : "left behind",
      realm: record.realm.kind,
      since: record.createdAt,
      nodes: record.namespaces.length,
    }));
    const topologies = listTopologies();
    if (flag(invocation, "json")) {
      printJson({ labs, topologies });
      return 0;
    }
    if (labs.length === 0) print("no lab is up\n");
    else {
      print(
        renderTable(labs, [
          { title: "NAME", value: (lab) => lab.name },
          { title: "TOPOLOGY", value: (lab) => lab.topology },
          { title: "STATE", value: (lab) => lab.state },
          { title: "AS", value: (lab) => lab.realm },
          { title: "NODES", value: (lab) => String(lab.nodes), alignRight: true },
          { title: "SINCE", value: (lab) => lab.since },
        ]),
      );
      print("");
    }
    print(`topologies: ${topologies.join(", ")}`);
    return 0;
  },
};
