import type { FuzzTarget } from './target.ts';
import { admissionTarget } from './targets/admission.ts';
import { embeddedApiTarget } from './targets/embedded-api.ts';
import { extenderTarget } from './targets/extender.ts';
import { gatewayAnswersTarget } from './targets/gateway-answers.ts';
import { gatewayHttpTarget } from './targets/gateway-http.ts';
import { http2EngineTargets } from './targets/http2-engine.ts';
import { linkTargets } from './targets/link.ts';
import { routesFileTarget } from './targets/routes-file.ts';
import { settingsTargets } from './targets/settings.ts';

/** Every edge that is fuzzed. */
export const targets: readonly (() => FuzzTarget | Promise<FuzzTarget>)[] = [
  ...settingsTargets,
  routesFileTarget,
  ...linkTargets,
  admissionTarget,
  extenderTarget,
  embeddedApiTarget,
  gatewayHttpTarget,
  gatewayAnswersTarget,
  ...http2EngineTargets,
];
