export declare function nextVersion(version: string, change: string): string;
export declare function levelOf(changes: string, version: string): "patch" | "minor" | "major";
export declare function unreleasedOf(changelog: string): string;
export declare function releaseChangelog(changelog: string, version: string, date: string): string;
export declare function setVersion(text: string, from: string, to: string): string;
