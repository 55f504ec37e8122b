import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import {
  bracketMatching,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  syntaxHighlighting,
} from "@codemirror/language";
import { type Diagnostic, linter } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { type RefObject, useLayoutEffect, useRef } from "react";
import { jsonFault } from "../lib/json";
import type { CodeEditorProps } from "./CodeEditor";
import s from "./CodeEditor.module.css";

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--blue)" },
  { tag: tags.string, color: "var(--green)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--amber)" },
]);

const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--text)", fontSize: "12px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": {
    fontFamily: "var(--mono)",
    lineHeight: "1.55",
    fontVariantLigatures: "none",
    overflow: "auto",
  },
  ".cm-content": { padding: "8px 0", caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { background: "transparent", color: "var(--muted)", border: "0" },
  ".cm-selectionBackground, &.cm-focused .cm-selectionBackground": {
    background: "var(--blue-soft) !important",
  },
  ".cm-foldPlaceholder": { background: "var(--grey-soft)", color: "var(--grey)", border: "0" },
  ".cm-tooltip": {
    background: "var(--raised)",
    color: "var(--text)",
    border: "1px solid var(--line-strong)",
  },
  ".cm-diagnostic-error": { borderLeftColor: "var(--dot-red)" },
});

/** The linter of CodeMirror reads the place out of what the engine says, and WebKit does not say it. */
function faults({ state }: EditorView): Diagnostic[] {
  const fault = jsonFault(state.doc.toString());
  return fault === null ? [] : [{ ...fault, severity: "error" }];
}

/** CodeMirror for JSON. Tab leaves the editor, so that the keyboard is never caught in it. */
export default function CodeMirror({
  value,
  onChange,
  label,
  minHeight,
  maxHeight,
  focused,
}: CodeEditorProps & {
  /** Whether what stood here before had the focus. */
  focused: RefObject<boolean>;
}) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const latest = useRef({ value, onChange });
  latest.current = { value, onChange };

  // Before the frame is over, so that a dialog never looks for the editor in vain.
  useLayoutEffect(() => {
    if (place.current === null) return;
    const editor = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          history(),
          drawSelection(),
          bracketMatching(),
          foldGutter(),
          json(),
          linter(faults, { delay: 300 }),
          syntaxHighlighting(colours),
          theme,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({
            "aria-label": label,
            spellcheck: "false",
            tabindex: "0",
          }),
          keymap.of([
            ...defaultKeymap.filter((binding) => binding.key !== "Mod-Enter"),
            ...historyKeymap,
            ...foldKeymap,
          ]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    if (focused.current) editor.focus();
    return () => {
      focused.current = editor.hasFocus;
      editor.destroy();
      view.current = null;
    };
  }, [label, focused]);

  // At once too: later it would take back what was typed meanwhile.
  useLayoutEffect(() => {
    const editor = view.current;
    if (editor === null || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  return <div ref={place} className={s.editor} style={{ minHeight, maxHeight }} />;
}
