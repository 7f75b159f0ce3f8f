import { globalFlags } from "../global-flags.ts";
import type { FlagTable } from "../flags/flag-spec.ts";
import { groups, type VerbEntry, verbs } from "../verb-table.ts";

/** Verbs whose arguments are containers that exist; those whose arguments are images. */
const CONTAINER_VERBS = "attach|commit|diff|exec|explain|inspect|kill|logs|pause|port|rename|restart|rm|start|stats|stop|top|unpause|wait";
const IMAGE_VERBS = "create|history|inspect|rmi|run|tag";

/**
 * A completion script made from the same tables as parsing and help: verbs, their flags, names of containers, images and volumes (asked of
 * `wherry ps`, `wherry images` and `wherry volume ls` at the time).
 */
export async function bashCompletion(): Promise<string> {
  const cases = [
    ...(await flagCases("", verbs)),
    ...(await Promise.all(Object.entries(groups).map(([name, group]) => flagCases(`${name} `, group.verbs)))).flat(),
  ];
  const groupCases = Object.entries(groups).map(([name, group]) => `    ${name}) words="${listed(group.verbs).join(" ")}" ;;`);
  return `# bash completion for wherry, made by: wherry completion bash
_wherry_flags() {
  case "$1" in
${cases.map(([name, flags]) => `    "${name}") printf '%s' "${flags}" ;;`).join("\n")}
  esac
}

_wherry() {
  local current="\${COMP_WORDS[COMP_CWORD]}" verb="" words="" index word
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "$word" in
      --root|--run-root|-H|--host) ((index++)) ;;
      -*) ;;
      *) if [[ -z "$verb" ]]; then verb="$word"; elif [[ "$verb" =~ ^(${Object.keys(groups).join("|")})$ ]]; then verb="$verb $word"; break; else break; fi ;;
    esac
  done
  case "$verb" in
    "") words="${[...listed(verbs), ...Object.keys(groups)].join(" ")} ${flagWords(globalFlags)}" ;;
${groupCases.join("\n")}
    *)
      if [[ "$current" == -* ]]; then
        words="$(_wherry_flags "$verb")"
      else
        case "$verb" in volume\\ inspect|volume\\ rm|volume\\ remove) words="$(wherry volume ls --quiet 2>/dev/null)" ;; volume\\ *) ;; *)
        case "\${verb##* }" in ${CONTAINER_VERBS}) words="$(wherry ps --all --format '{{.Names}}' 2>/dev/null)" ;; esac
        case "\${verb##* }" in ${IMAGE_VERBS}) words="$words $(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" ;; esac
        ;; esac
      fi ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ \${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _wherry wherry
`;
}

async function flagCases(prefix: string, table: Readonly<Record<string, VerbEntry>>): Promise<[string, string][]> {
  return await Promise.all(
    Object.entries(table).map(
      async ([name, entry]): Promise<[string, string]> => [`${prefix}${name}`, flagWords((await entry.load()).flags)],
    ),
  );
}

function listed(table: Readonly<Record<string, VerbEntry>>): string[] {
  return Object.entries(table).flatMap(([name, entry]) => (entry.group === undefined ? [] : [name]));
}

function flagWords(flags: FlagTable): string {
  return Object.entries(flags)
    .flatMap(([name, spec]) => (spec.hidden === true ? [] : [`--${name}`]))
    .join(" ");
}
