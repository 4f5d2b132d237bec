import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json, jsonLanguage } from "@codemirror/lang-json";
import { liquid } from "@codemirror/lang-liquid";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, indentUnit, LanguageSupport, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

export interface Names {
  /** Tables and their columns, for SQL. */
  tables?: Record<string, string[]>;
  /** What a hole of a message may name. */
  holes?: string[];
}

interface Basics {
  label: string;
  minLines: number;
  readOnly: boolean;
  onSubmit: () => void;
}

export function basics({ label, minLines, readOnly, onSubmit }: Basics): Extension {
  const submit = { key: "Mod-Enter", run: () => (onSubmit(), true) };
  return [
    lineNumbers(),
    history(),
    drawSelection(),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    indentUnit.of("  "),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", ...(readOnly ? { tabindex: "0", "aria-readonly": "true" } : {}) }),
    EditorState.readOnly.of(readOnly),
    EditorView.editable.of(!readOnly),
    // Escape and then Tab leaves the editor, for those who work with the keyboard alone.
    keymap.of([submit, ...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap, indentWithTab]),
    syntaxHighlighting(COLORS),
    theme(minLines),
  ];
}

export function languageOf(language: "sql" | "message" | "json", names: Names = {}): Extension {
  if (language === "sql") return [sql({ dialect: PostgreSQL, schema: names.tables ?? {} }), autocompletion({ icons: false })];
  if (language === "json") return [json(), autocompletion({ icons: false })];
  return [liquid({ base: new LanguageSupport(jsonLanguage) }), autocompletion({ icons: false, override: [(context) => hole(context, names.holes ?? [])] })];
}

/** Completes what stands between `{{` and the cursor. */
function hole(context: CompletionContext, holes: string[]): CompletionResult | null {
  const before = context.matchBefore(/\{\{-?\s*[\w.]*/);
  if (!before) return null;
  const typed = /[\w.]*$/.exec(before.text)?.[0] ?? "";
  const options: Completion[] = holes.map((label) => ({ label, type: label.startsWith("row.") ? "property" : "variable" }));
  return { from: before.to - typed.length, options, validFor: /^[\w.]*$/ };
}

const COLORS = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.operatorKeyword], color: "var(--accent)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn)" },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], color: "var(--faint)", fontStyle: "italic" },
  { tag: [tags.propertyName], color: "var(--ink)" },
  { tag: [tags.variableName, tags.typeName, tags.className], color: "var(--ink)" },
  { tag: [tags.brace, tags.processingInstruction, tags.special(tags.brace)], color: "var(--accent)" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

function theme(minLines: number): Extension {
  return EditorView.theme({
    "&": { color: "var(--ink)", backgroundColor: "transparent", fontSize: "12.5px" },
    "&.cm-focused": { outline: "none" },
    ".cm-scroller": { fontFamily: '"JetBrains Mono Variable", ui-monospace, monospace', lineHeight: "19px", minHeight: `${minLines * 19 + 10}px`, maxHeight: "60vh", fontVariantLigatures: "none" },
    ".cm-content": { caretColor: "var(--ink)", padding: "5px 0" },
    ".cm-cursor": { borderLeftColor: "var(--ink)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-soft)" },
    ".cm-gutters": { backgroundColor: "transparent", color: "var(--faint)", border: "none" },
    ".cm-activeLine": { backgroundColor: "color-mix(in oklch, var(--hover) 45%, transparent)" },
    ".cm-matchingBracket": { backgroundColor: "var(--accent-soft)", color: "inherit", outline: "1px solid var(--line-strong)" },
    ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--ink)", border: "1px solid var(--line)", borderRadius: "6px", overflow: "hidden", fontFamily: "system-ui, sans-serif" },
    ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--ink)" },
    // CodeMirror's own are images from data: addresses, which the content security policy does not take.
    ".cm-lintRange-error, .cm-lintRange-warning, .cm-lintRange-info, .cm-lintRange-hint": { backgroundImage: "none", paddingBottom: "0", textDecoration: "underline wavy var(--bad-fill) 1px", textUnderlineOffset: "3px" },
    ".cm-lintRange-warning": { textDecorationColor: "var(--warn-fill)" },
    ".cm-lint-marker-error, .cm-lint-marker-warning, .cm-lint-marker-info": { content: "normal", width: "0.6em", height: "0.6em", margin: "0.35em 0.2em", borderRadius: "50%", backgroundColor: "var(--bad-fill)" },
    ".cm-lint-marker-warning": { backgroundColor: "var(--warn-fill)" },
    ".cm-diagnostic": { padding: "4px 8px" },
    ".cm-diagnostic-error": { borderLeft: "3px solid var(--bad-fill)" },
    ".cm-diagnostic-warning": { borderLeft: "3px solid var(--warn-fill)" },
  });
}
