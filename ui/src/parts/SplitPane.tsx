import {
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { cx } from "../lib/cx";
import { useHotkey } from "../lib/keys";
import { Button } from "./Button";
import { IconChevronLeft } from "./icons";
import s from "./SplitPane.module.css";

export interface SplitPaneProps {
  list: ReactNode;
  detail: ReactNode;
  /** Something is selected: a narrow window shows the detail instead of the list. */
  showDetail: boolean;
  onBack: () => void;
  backLabel: string;
  /** CSS width of the list until it is dragged. */
  listWidth?: string | undefined;
  listMin?: number | undefined;
  detailMin?: number | undefined;
  /** Below this width in px only one of the two is shown. */
  singleBelow?: number | undefined;
  /** Remembers the dragged width under this name. */
  storageKey?: string | undefined;
}

const STEP = 24;

/** List and detail, side by side where there is room and one after the other where there is not. */
export function SplitPane(props: SplitPaneProps) {
  const { list, detail, showDetail, onBack, backLabel, listWidth = "36%", storageKey } = props;
  const { listMin = 280, detailMin = 340, singleBelow = 640 } = props;
  const root = useRef<HTMLDivElement>(null);
  const pane = useRef<HTMLDivElement>(null);
  const [total, setTotal] = useState(1000);
  const [width, setWidth] = useState<number | null>(() => stored(storageKey));
  const single = total < singleBelow;

  useLayoutEffect(() => {
    const element = root.current;
    if (element === null) return;
    const measure = () => {
      if (element.clientWidth > 0) setTotal(element.clientWidth);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useHotkey("esc", onBack, { enabled: single && showDetail });

  const most = Math.max(listMin, total - detailMin);
  const resize = (next: number) => {
    const fitting = Math.round(Math.min(most, Math.max(listMin, next)));
    setWidth(fitting);
    if (storageKey !== undefined) localStorage.setItem(`usher.pane.${storageKey}`, String(fitting));
  };
  const now = () => pane.current?.offsetWidth ?? listMin;

  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    const start = event.clientX;
    const from = now();
    const handle = event.currentTarget;
    handle.setPointerCapture(event.pointerId);
    const move = (e: globalThis.PointerEvent) => resize(from + e.clientX - start);
    const end = () => {
      handle.removeEventListener("pointermove", move);
      handle.removeEventListener("pointerup", end);
      handle.removeEventListener("pointercancel", end);
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", end);
    handle.addEventListener("pointercancel", end);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    resize(now() + (event.key === "ArrowLeft" ? -STEP : STEP));
  };

  if (single) {
    return (
      <div ref={root} className={s.split}>
        <div className={cx(s.only, showDetail && s.away)}>{list}</div>
        {showDetail && (
          <div className={cx(s.only, s.over)}>
            <div className={s.back}>
              <Button variant="quiet" size="sm" onClick={onBack} kbd="esc">
                <IconChevronLeft size={14} />
                {backLabel}
              </Button>
            </div>
            {detail}
          </div>
        )}
      </div>
    );
  }

  const basis =
    width === null ? `clamp(${listMin}px, ${listWidth}, ${most}px)` : `${Math.min(width, most)}px`;
  return (
    <div ref={root} className={s.split}>
      <div ref={pane} className={s.list} style={{ flexBasis: basis }}>
        {list}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: an hr cannot be dragged */}
      <div
        className={s.handle}
        role="separator"
        aria-orientation="vertical"
        aria-label="Width of the list"
        aria-valuenow={Math.round(((width ?? total * 0.36) / total) * 100)}
        aria-valuemin={0}
        aria-valuemax={100}
        tabIndex={0}
        onPointerDown={onPointerDown}
        onKeyDown={onKeyDown}
        onDoubleClick={() => {
          setWidth(null);
          if (storageKey !== undefined) localStorage.removeItem(`usher.pane.${storageKey}`);
        }}
      />
      <div className={s.detail}>{detail}</div>
    </div>
  );
}

function stored(key: string | undefined): number | null {
  if (key === undefined) return null;
  const text = localStorage.getItem(`usher.pane.${key}`);
  return text === null ? null : Number(text) || null;
}
