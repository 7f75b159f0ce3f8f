import { randomBelow } from "./random.ts";

const adjectives =
  "admiring agile amber ample apt artful balmy blissful bold brave breezy bright brisk buoyant busy calm candid careful charming cheerful clever coastal compassionate confident cool cosy crisp curious dapper daring dazzling deft determined dreamy eager earnest easy ebullient ecstatic elastic elegant eloquent epic exciting fair fervent festive fleet focused fond friendly frosty funny gallant gentle gifted glad gleaming goofy gracious great happy hardy hearty heuristic honest hopeful hungry infallible inspiring intelligent jolly jovial keen kind laughing light lively loving lucid magical merry modest musing mystifying naughty nautical neat nervous nice nifty nimble objective optimistic patient peaceful pensive placid practical priceless quiet quirky quizzical ready recursing relaxed reverent romantic sad serene sharp silly sleepy smooth sober steady stoic strange sturdy suspicious sweet swift tender thirsty tidal trusting unruffled upbeat vibrant vigilant vigorous warm wizardly wonderful xenodochial youthful zealous zen".split(
    " ",
  );

const surnames =
  "agnesi allen antonelli archimedes babbage banach bardeen bartik bassi bell bhabha blackwell bohr booth borg bose boyd brahmagupta brattain brown carson cartwright chandrasekhar clarke cori cray curie curran darwin davinci dijkstra dirac easley edison einstein elion engelbart euclid euler fermat fermi feynman franklin galileo galois gates gauss germain goldberg golick goodall hamilton hawking heisenberg hermann hertz heyrovsky hodgkin hoover hopper hugle hypatia jang jennings jepsen johnson joliot kalam keller kepler khorana kilby kirch knuth kowalevski lalande lamarr lamport leakey leavitt liskov lovelace lumiere mahavira mayer mccarthy mcclintock mclean mcnulty meitner mendel mendeleev mirzakhani montalcini morse murdock neumann newton nightingale nobel noether northcutt noyce panini pare pascal pasteur payne perlman pike poincare poitras ptolemy raman ramanujan ride ritchie roentgen rosalind saha sammet shannon shaw shirley shockley sinoussi snyder spence stallman stonebraker swanson swartz swirles tesla thompson torvalds turing varahamihira visvesvaraya volhard wescoff wiles williams wilson wing wozniak wright yalow yonath".split(
    " ",
  );

/** `adjective_surname` as docker makes them; from the second attempt on with a digit, so that a crowded host still finds a free one. */
export function randomName(attempt: number): string {
  const adjective = adjectives[randomBelow(adjectives.length)] ?? "calm";
  const surname = surnames[randomBelow(surnames.length)] ?? "wright";
  return `${adjective}_${surname}${attempt === 0 ? "" : randomBelow(10 ** Math.min(attempt, 9))}`;
}
