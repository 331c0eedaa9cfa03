const icon = path => () => (
  <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" fill="none"
    stroke="currentColor" strokeWidth="1.7" strokeLinecap="round" strokeLinejoin="round">
    <path d={path} />
  </svg>
);

export const Plus = icon('M10 4v12M4 10h12');
export const Check = icon('m4 10.5 4 4 8-9');
export const Cross = icon('m5 5 10 10M15 5 5 15');
export const Send = icon('M10 16V4M5 9l5-5 5 5');
export const Stop = icon('M6 6h8v8H6z');
export const Sliders = icon('M3 6h7m4 0h3M3 14h3m4 0h7M12 4v4M8 12v4');
export const Page = icon('M5 3h7l3 3v11H5zM12 3v3h3M8 10h4M8 13h4');
export const Gate = icon('M3 17V8c0-6 14-6 14 0v9M3 17h4v-6a3 3 0 0 1 6 0v6h4');
