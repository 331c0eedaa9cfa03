// The clients of docs/first-hour.md in Chromium.
import { defaultConfig, files, makeExtension, servePage, writeFiles } from './clients.mjs';
import { Play } from './play.mjs';

export class Guide extends Play {
  constructor(gatehouse) {
    super(gatehouse);
    writeFiles(this.folder);
  }

  /// The guide's page at the address that the guide names, or `elsewhere`. Chromium takes one that `isPublic` for a
  /// site of the internet.
  async page({ config = files['page/gatehouse.yaml'], sdk = 7, elsewhere = false, isPublic = false } = {}) {
    await this.serve(config);
    const pageServer = await servePage(this.folder, sdk);
    this.helpers.push(pageServer);
    const { address } = pageServer;
    await this.browse({ 'localhost:5173': address }, ...(isPublic ? [`--ip-address-space-overrides=${address}=public`] : []));
    return this.open(elsewhere ? `http://${address}` : 'http://localhost:5173');
  }

  /// The guide's extension. Its side panel is opened in a tab, where it can be driven.
  async extension({ config = defaultConfig, sdk = 7 } = {}) {
    await this.serve(config);
    const folder = await makeExtension(this.folder, sdk);
    const address = await this.browseWith(folder);
    return this.open(address('index.html'));
  }
}
