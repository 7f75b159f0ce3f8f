import { invalidOption } from "../../core/invalid-option.ts";
import { credentialsFrom } from "../credentials/registry-credentials.ts";
import { integerFlag, switchFlag } from "../flags/flag-spec.ts";
import { ellipsis } from "../format/ellipsis.ts";
import { filterFlag, groupFilters } from "../format/filters.ts";
import { listFormatFlag } from "../format/format-flag.ts";
import { formatList } from "../format/format-list.ts";
import { defineVerb } from "../verb.ts";

const columns = "{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}\t{{.IsAutomated}}";
const headings = {
  Name: "NAME",
  Description: "DESCRIPTION",
  StarCount: "STARS",
  IsOfficial: "OFFICIAL",
  IsAutomated: "AUTOMATED",
  Tag: "TAG",
} as const;
const descriptionWidth = 45;
const defaultLimit = 25;
const maximumLimit = 100;

export const searchVerb = defineVerb({
  usage: "[OPTIONS] TERM",
  summary: "Search Docker Hub or another registry for images",
  details:
    "TERM is looked for on Docker Hub, REGISTRY/TERM among the repositories that the registry lists. With --list-tags, TERM is a repository and its tags are shown.",
  flags: {
    filter: filterFlag,
    format: listFormatFlag,
    limit: integerFlag("Max number of search results"),
    "list-tags": switchFlag("List the tags of a repository; podman's flag, docker has none"),
    "no-trunc": switchFlag("Don't truncate output"),
  },
  minArguments: 1,
  maxArguments: 1,
  async run(context, { values, positionals: [term = ""] }) {
    const { images } = await context.engine();
    const credentials = credentialsFrom(context.env);
    if (values["list-tags"]) {
      const { name, tags } = await images.remoteTags(term, { credentials });
      const rows = tags.slice(0, values.limit ?? tags.length).map((tag) => ({ Name: name, Tag: tag }));
      await context.stdout.write(formatList({ defaultColumns: "{{.Name}}\t{{.Tag}}", headings, rows }, values.format));
      return 0;
    }
    const limit = values.limit ?? defaultLimit;
    if (limit < 1 || limit > maximumLimit) throw invalidOption(`Limit ${limit} is outside the range of [1, ${maximumLimit}]`);
    const matches = matcher(groupFilters(values.filter));
    const found = (await images.search(term, { limit, credentials })).filter(matches);
    const rows = found.map((repository) => ({
      Name: repository.name,
      Description: values["no-trunc"] ? repository.description : ellipsis(repository.description, descriptionWidth),
      StarCount: String(repository.stars),
      IsOfficial: repository.isOfficial ? "[OK]" : "",
      IsAutomated: repository.isAutomated ? "[OK]" : "",
    }));
    await context.stdout.write(formatList({ defaultColumns: columns, headings, rows }, values.format));
    return 0;
  },
});

interface Searched {
  readonly stars: number;
  readonly isOfficial: boolean;
  readonly isAutomated: boolean;
}

/** Docker's filters: stars, is-official, is-automated. @throws {EngineError} INVALID_OPTION */
function matcher(filters: Readonly<Record<string, readonly string[]>>): (found: Searched) => boolean {
  const checks = Object.entries(filters).flatMap(([key, given]) =>
    given.map((value): ((found: Searched) => boolean) => {
      if (key === "stars" && /^\d+$/.test(value)) return ({ stars }) => stars >= Number(value);
      if (key === "is-official" && isBoolean(value)) return ({ isOfficial }) => isOfficial === (value === "true" || value === "1");
      if (key === "is-automated" && isBoolean(value)) return ({ isAutomated }) => isAutomated === (value === "true" || value === "1");
      throw invalidOption(`Invalid filter '${key}=${value}'`);
    }),
  );
  return (found) => checks.every((check) => check(found));
}

function isBoolean(value: string): boolean {
  return ["true", "false", "1", "0"].includes(value);
}
