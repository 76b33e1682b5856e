// Reads an array of Mermaid texts, as JSON, from standard input, and writes what
// Mermaid's own parser makes of each. The directory in which mermaid and jsdom
// are installed is the argument.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const modules = createRequire(join(process.argv[2], 'node_modules', 'here.js'));
const { JSDOM } = modules('jsdom');
globalThis.window = new JSDOM('').window; // the parser cleans labels with it
globalThis.document = window.document;
const { default: mermaid } = await import(pathToFileURL(modules.resolve('mermaid')));

// Mermaid writes #34; in this way until it has drawn the diagram.
const decoded = s => s.replace(/ﬂ°°(\d+)¶ß/g, (_, n) => String.fromCodePoint(n));

async function parse(text) {
	try {
		await mermaid.parse(text);
		const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
		return {
			nodes: [...db.getVertices().values()].map(v => ({ id: v.id, text: decoded(v.text), type: v.type, classes: v.classes })),
			edges: db.getEdges().map(e => ({ from: e.start, to: e.end, text: decoded(e.text), stroke: e.stroke, style: e.style ?? [] })),
			boxes: db.getSubGraphs().map(s => ({ text: decoded(s.title), nodes: s.nodes })),
		};
	} catch (err) {
		return { error: String(err) };
	}
}

const answers = [];
for (const text of JSON.parse(readFileSync(0, 'utf8'))) answers.push(await parse(text));
process.stdout.write(JSON.stringify(answers));
