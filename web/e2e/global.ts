import { openWorld } from "./world.mjs";

/** One service for all journeys. */
export default async function start(): Promise<() => Promise<void>> {
  const { url, simulator, shop, stop } = await openWorld();
  process.env.E2E_WORLD = JSON.stringify({ url, simulator, shop });
  return stop;
}
