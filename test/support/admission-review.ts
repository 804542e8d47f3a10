/** What kube-apiserver sends to a webhook when alice creates the Deployment `web`, but for what `request` says. */
export const admissionReview = (request: object): object => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'u-1',
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    namespace: 'default',
    name: 'web',
    operation: 'CREATE',
    userInfo: { username: 'alice' },
    options: { fieldManager: 'kubectl-client-side-apply' },
    ...request,
  },
});
