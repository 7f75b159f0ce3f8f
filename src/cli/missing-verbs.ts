/** Docker's verbs that this engine does not have yet, with the way out. Asked for by name only; `wherry help` does not list them. */
export const missingVerbs: Readonly<Record<string, string>> = {
  build: "start from a container, then wherry commit",
  builder: "start from a container, then wherry commit",
  buildx: "start from a container, then wherry commit",
  compose: "start each container with wherry run",
  events: "wherry wait tells when a container ends",
  "image build": "start from a container, then wherry commit",
  network: "containers have --network none, host or container:NAME",
};
