// @ts-check
// Numbers and their nouns, as package internal/quantity writes them.

// number returns a number with separators: "1,234".
export const number = (n) => n.toLocaleString("en");

// noun returns the form of a noun that follows the number n. The noun is given in the singular.
export const noun = (n, singular) => (n === 1 ? singular : singular.endsWith("y") ? singular.slice(0, -1) + "ies" : singular + "s");

// quantity returns a number with its noun: "1 node", "1,234 nodes".
export const quantity = (n, singular) => `${number(n)} ${noun(n, singular)}`;
