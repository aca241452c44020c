//! What the demo collects.

use std::io;
use std::path::Path;

/// Some local files.
pub fn write_files(folder: &Path) -> io::Result<()> {
    let incoming = folder.join("incoming");
    std::fs::create_dir_all(&incoming)?;
    for file in 0..40 {
        let lines: String = (0..50)
            .map(|line| {
                format!(
                    "{{\"id\":{},\"sensor\":\"s{line}\",\"value\":{}}}\n",
                    file * 50 + line,
                    (file * 7 + line) % 100
                )
            })
            .collect();
        std::fs::write(incoming.join(format!("readings-{file:02}.ndjson")), lines)?;
    }
    Ok(())
}

/// The sources, served by the sandbox at `url`.
pub fn sources(url: &str) -> String {
    include_str!("demo_world.yaml").replace("{url}", url)
}
