import type { Api } from './core';

declare global {
  // By build.mjs: the files of the parts by name.
  const PARTS: Record<string, string>;
  const VERSION: string;
  interface Window {
    footfall: Api;
    CompressionStream?: typeof CompressionStream;
  }
}
