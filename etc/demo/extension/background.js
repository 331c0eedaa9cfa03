// A click on the icon opens the panel. It also lets the extension read the tab that is shown, until
// that goes to another site: permission "activeTab".
chrome.action.onClicked.addListener(({ windowId }) => chrome.sidePanel.open({ windowId }));
