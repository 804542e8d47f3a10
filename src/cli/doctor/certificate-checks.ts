import { inspectCertificate, isRenewalDue, splitBundle } from '../../certificates/index.ts';
import { messageOf, systemNamespace } from '../../core/index.ts';
import { resources } from '../../kube/index.ts';
import { good, kubectlHere, problem, read, skipped, warning, type Check, type Patient } from './check.ts';

const restart = `${kubectlHere} rollout restart deployment rouse-controller`;
/** A new authority signs at once where nobody remembers the old one. */
const anew = `${kubectlHere} scale deployment rouse-controller --replicas=0; ${kubectlHere} delete secret rouse-ca; ${kubectlHere} scale deployment rouse-controller --replicas=2`;

const published = async (patient: Patient): Promise<string | undefined> =>
  (await read(patient, resources.configMaps, { namespace: systemNamespace, name: 'rouse-ca' }))?.data?.['ca.crt'];

export const caPublished: Check = {
  id: 'ca-published',
  about: 'gateways find the CA certificate that they are to trust',
  run: async (patient) => {
    const pem = await published(patient);
    if (pem === undefined) return problem(`there is no ca.crt in the ConfigMap ${systemNamespace}/rouse-ca: gateways cannot link`, restart);
    try {
      return good(`${String(splitBundle(pem).map(inspectCertificate).length)} in the ConfigMap rouse-ca`);
    } catch (failure) {
      return problem(`ca.crt of the ConfigMap rouse-ca: ${messageOf(failure)}`, `${kubectlHere} delete configmap rouse-ca; ${restart}`);
    }
  },
};

const day = (at: number): string => new Date(at).toISOString().slice(0, 10);

export const caValid: Check = {
  id: 'ca-valid',
  about: 'the CA certificate is valid, and is renewed in time',
  run: async (patient) => {
    const pem = await published(patient);
    if (pem === undefined) return skipped('there is none (ca-published)');
    let newest: ReturnType<typeof inspectCertificate> & { readonly pem: string };
    try {
      const all = splitBundle(pem).map((each) => ({ ...inspectCertificate(each), pem: each }));
      newest = all.reduce((best, each) => (each.notAfter > best.notAfter ? each : best));
    } catch {
      return skipped('it cannot be read (ca-published)');
    }
    const now = patient.clock.now();
    if (newest.notAfter <= now) return problem(`the CA certificate ran out on ${day(newest.notAfter)}: neither webhooks nor gateways can connect`, anew);
    if (newest.notBefore > now)
      return problem(`the CA certificate is valid from ${day(newest.notBefore)} on: this machine's clock, or the controller's, is wrong`, 'timedatectl');
    if (isRenewalDue(newest.pem, patient.clock))
      return warning(
        `the CA certificate runs out on ${day(newest.notAfter)}, and its renewal is due: the leader does not renew it`,
        `${kubectlHere} logs deployment/rouse-controller | grep authority`,
      );
    return good(`until ${day(newest.notAfter)}`);
  },
};
