import type { ReactNode } from "react";

export interface IconProps {
  size?: number | undefined;
}

function Glyph({ d, size = 16 }: IconProps & { d: string }): ReactNode {
  return (
    <svg
      viewBox="0 0 16 16"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      style={{ flex: "none" }}
    >
      <path d={d} />
    </svg>
  );
}

export function IconMessages(props: IconProps): ReactNode {
  return <Glyph d="M2.8 3.2h10.4v7.6H8.4L5.6 13.4v-2.6H2.8z" {...props} />;
}

export function IconAudience(props: IconProps): ReactNode {
  return (
    <Glyph
      d="M6 7.6a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6ZM1.8 13c.2-2.3 1.9-3.6 4.2-3.6S10 10.7 10.2 13M10.6 3.3a2.2 2.2 0 0 1 0 4.2M12 9.7c1.300.5 2.1 1.6 2.2 3.3"
      {...props}
    />
  );
}

export function IconEvents(props: IconProps): ReactNode {
  return <Glyph d="M9 1.8 3.2 9h4l-.7 5.2L12.8 7h-4.2z" {...props} />;
}

export function IconEndpoints(props: IconProps): ReactNode {
  return (
    <Glyph
      d="M6.8 9.2a2.7 2.7 0 0 0 3.900.1l2-2a2.7 2.7 0 0 0-3.8-3.9l-.900.9M9.2 6.8a2.7 2.7 0 0 0-3.9-.1l-2 2a2.7 2.7 0 0 0 3.8 3.9l.9-.9"
      {...props}
    />
  );
}

export function IconSettings(props: IconProps): ReactNode {
  return (
    <Glyph
      d="M8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM8 2v1.7M8 12.3V14M2 8h1.7M12.3 8H14M3.76 3.76l1.2 1.2M11.04 11.04l1.2 1.2M3.76 12.24l1.2-1.2M11.04 4.96l1.2-1.2"
      {...props}
    />
  );
}

export function IconSearch(props: IconProps): ReactNode {
  return <Glyph d="M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.3 10.3 13.5 13.5" {...props} />;
}

export function IconCopy(props: IconProps): ReactNode {
  return <Glyph d="M5.5 5.5h7.5v7.5H5.5zM3 10.5V3h7.5" {...props} />;
}

export function IconCheck(props: IconProps): ReactNode {
  return <Glyph d="M3 8.4 6.5 12 13 4.5" {...props} />;
}

export function IconChevronDown(props: IconProps): ReactNode {
  return <Glyph d="m4 6 4 4 4-4" {...props} />;
}

export function IconChevronLeft(props: IconProps): ReactNode {
  return <Glyph d="m10 4-4 4 4 4" {...props} />;
}

export function IconChevronRight(props: IconProps): ReactNode {
  return <Glyph d="m6 4 4 4-4 4" {...props} />;
}

export function IconChevronUpDown(props: IconProps): ReactNode {
  return <Glyph d="m5 6.2 3-3 3 3M5 9.8l3 3 3-3" {...props} />;
}

export function IconClose(props: IconProps): ReactNode {
  return <Glyph d="m4 4 8 8M12 4l-8 8" {...props} />;
}

export function IconMore(props: IconProps): ReactNode {
  return <Glyph d="M3.5 8h.01M8 8h.01M12.5 8h.01" {...props} />;
}

export function IconPlus(props: IconProps): ReactNode {
  return <Glyph d="M8 3v10M3 8h10" {...props} />;
}

export function IconExternal(props: IconProps): ReactNode {
  return <Glyph d="M6 3.5H3.5v9h9V10M9 3h4v4M13 3 7.5 8.5" {...props} />;
}

export function IconAlert(props: IconProps): ReactNode {
  return <Glyph d="M8 2 14.5 13.5h-13zM8 6.5v3.2M8 11.7h.01" {...props} />;
}

export function IconTest(props: IconProps): ReactNode {
  return <Glyph d="M2.5 8 13.5 2.8 10.5 13.5 7.5 9zM7.5 9l6-6.2" {...props} />;
}

export function IconPause(props: IconProps): ReactNode {
  return <Glyph d="M5.5 3.5v9M10.5 3.5v9" {...props} />;
}

export function IconPlay(props: IconProps): ReactNode {
  return <Glyph d="M5 3.2v9.6L12.5 8z" {...props} />;
}

export function IconTrash(props: IconProps): ReactNode {
  return <Glyph d="M3 4.5h10M6.5 4.5V3h3v1.5M4.2 4.5l.6 8.5h6.4l.6-8.5" {...props} />;
}

export function IconEye(props: IconProps): ReactNode {
  return (
    <Glyph
      d="M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8ZM8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6Z"
      {...props}
    />
  );
}

export function IconEyeOff(props: IconProps): ReactNode {
  return (
    <Glyph
      d="M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8ZM2.5 2.5l11 11"
      {...props}
    />
  );
}

export function IconSidebar(props: IconProps): ReactNode {
  return <Glyph d="M2.5 3h11v10h-11zM6.2 3v10" {...props} />;
}

export function IconPin(props: IconProps): ReactNode {
  return <Glyph d="M6 2.5h4l-.5 4 2 2.2h-7l2-2.2zM8 8.8v4.7" {...props} />;
}

export function IconHelp(props: IconProps): ReactNode {
  return <Glyph d="M6 6.2a2 2 0 1 1 2.9 1.8c-.6.3-.9.7-.9 1.4M8 11.6h.01" {...props} />;
}
