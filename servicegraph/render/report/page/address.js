// @ts-check
// The state of the report is in the fragment of the URL, so that a link shows what the
// sender saw, and the browser's Back button restores the previous state.

// fields maps the keys of the fragment to the fields of the state.
const fields = {
  q: "query", node: "node", edge: "edge", way: "direction", errors: "errors", least: "minCalls", hide: "hide", ns: "space", only: "center", hops: "hops",
  all: "all", sort: "sort", tab: "tab", theme: "theme", at: "at",
};

// blank returns the state of an empty fragment. All fields are strings:
//
//   - query: the text of the search
//   - node, edge: the key of the selected item; direction: what it highlights
//   - errors: "1" for edges with errors, "warn" and "error" for edges from a threshold on
//   - minCalls: the smallest number of calls of an edge
//   - hide: the hidden namespaces, each after a space, encoded as parts of a URL
//   - space: the diagram shows only this namespace and the neighbors of its nodes
//   - center, hops: the diagram shows only this node and as many calls up and down
//   - all: "1" draws all nodes and edges that pass the filters
//   - sort, tab: the order and the choice of the tables; theme: the colors; at: the view of the
//     diagram
export const blank = () => ({
  query: "", node: "", edge: "", direction: "all", errors: "", minCalls: "", hide: "", space: "", center: "", hops: "1", all: "", sort: "", tab: "", theme: "", at: "",
});

// parseHash returns the state in a fragment. Unknown and malformed parts are ignored.
export function parseHash(hash) {
  const state = blank();
  for (const part of hash.replace(/^#/, "").split("&")) {
    const [key, value = ""] = part.split("=", 2);
    if (!Object.hasOwn(fields, key)) continue;
    try {
      state[fields[key]] = decodeURIComponent(value);
    } catch {
      // a truncated link
    }
  }
  return state;
}

// formatHash returns the fragment of a state, without "#".
export function formatHash(state) {
  const empty = blank();
  return Object.entries(fields)
    .filter(([, field]) => state[field] !== empty[field])
    .map(([key, field]) => key + "=" + encodeURIComponent(state[field]).replace(/%(3A|2F|2C|2B)/g, decodeURIComponent))
    .join("&");
}

// hiddenNamespaces returns the set of hidden namespaces of a state, and formatHidden the
// field of a set.
export const hiddenNamespaces = (state) => new Set(state.hide.split(" ").filter(Boolean).map(decode));
export const formatHidden = (set) => [...set].sort().map(encodeURIComponent).join(" ");

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// writeAddress writes a state to the URL: as a new entry of the browser history if step
// is true, otherwise in place of the current entry.
export function writeAddress(state, step) {
  const hash = formatHash(state);
  if (hash === location.hash.slice(1)) return;
  try {
    history[step ? "pushState" : "replaceState"](null, "", "#" + hash);
  } catch {
    // Frames may be forbidden to change the history, and browsers limit the rate of
    // changes. The report also works without the history.
  }
}
