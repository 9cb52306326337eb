// An authenticator for a page of Chromium, by the DevTools protocol: what a fingerprint reader or a security key is to a person.

// authenticator plugs one in. Options are those of WebAuthn.VirtualAuthenticatorOptions.
export async function authenticator(page, options = {}) {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable', { enableUI: false });
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
      defaultBackupEligibility: true, defaultBackupState: true, ...options,
    },
  });
  const tell = (method, parameters = {}) => session.send(`WebAuthn.${method}`, { authenticatorId, ...parameters });
  return {
    keys: async () => (await tell('getCredentials')).credentials,
    // give brings a passkey that was synced from another device.
    give: (credential) => tell('addCredential', { credential }),
    // refuse makes the lock say no, as to a wrong finger; agree makes it say yes again.
    refuse: () => tell('setUserVerified', { isUserVerified: false }),
    agree: () => tell('setUserVerified', { isUserVerified: true }),
    // ignore leaves the person away from the device.
    ignore: () => tell('setAutomaticPresenceSimulation', { enabled: false }),
    notice: () => tell('setAutomaticPresenceSimulation', { enabled: true }),
  };
}
