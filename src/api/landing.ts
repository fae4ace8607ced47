/** The page at `/`: says plainly what exists. The console takes its place when it is built. */
export function landingPage(version: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Tollgate ${version}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}code{background:#8882;padding:.1em .3em}</style>
<h1>Tollgate ${version}</h1>
<p>The processor is running. There is no console yet; what is here answers machines and the command line:</p>
<ul>
<li><a href="/v1/openapi.json">/v1/openapi.json</a>: the API
<li><a href="/metrics">/metrics</a> for Prometheus, <a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a>
<li><code>tollgate status</code>, <code>budgets</code>, <code>spend --by agent</code>, <code>traces</code>, <code>trace ID</code>, <code>sql</code>
</ul>
</html>
`;
}
