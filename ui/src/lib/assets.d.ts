declare module "@fontsource-variable/jetbrains-mono/wght.css";
