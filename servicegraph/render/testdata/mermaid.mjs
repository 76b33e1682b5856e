// This script reads a JSON array of Mermaid texts from standard input, parses each with
// Mermaid's own parser, and writes a JSON array of the results. The argument is the
// directory in which mermaid and jsdom are installed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const modules = createRequire(join(process.argv[2], 'node_modules', 'here.js'));
const { JSDOM } = modules('jsdom');
globalThis.window = new JSDOM('').window; // the parser sanitizes labels with it
globalThis.document = window.document;
const { default: mermaid } = await import(pathToFileURL(modules.resolve('mermaid')));

// decoded replaces the internal notation of codes such as #34; by their characters.
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
