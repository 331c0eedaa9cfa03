//! Finds the library gatehouse_testing: in GATEHOUSE_TESTING_DIR, or where it is installed beside
//! these crates. A link to it in OUT_DIR is what both the linker and `cargo test` search.
use std::env;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

const FILE: &str = "libgatehouse_testing.so";

fn main() {
    println!("cargo:rerun-if-env-changed=GATEHOUSE_TESTING_DIR");
    let installed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../lib/gatehouse/sdk");
    let folder = env::var_os("GATEHOUSE_TESTING_DIR").map_or(installed, PathBuf::from);
    let library = folder.join(FILE);
    if !library.exists() {
        panic!("{} does not exist: install libgatehouse-dev, or build it", library.display());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let _ = std::fs::remove_file(out.join(FILE));
    symlink(library, out.join(FILE)).expect("OUT_DIR is writable");
    println!("cargo:rustc-link-search=native={}", out.display());
}
