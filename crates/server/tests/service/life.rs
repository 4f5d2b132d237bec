use std::os::unix::fs::PermissionsExt;

use crate::process::{Serving, get, output, rowcast, text};

/// Everybody may enter: as root, PostgreSQL runs as another user.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    home
}

#[test]
fn all_in_one_process_makes_what_is_missing_serves_and_drains() {
    let home = home();
    let variables = [("ROWCAST_HTTP__LISTEN", "127.0.0.1:0"), ("ROWCAST_METRICS__LISTEN", "127.0.0.1:0")];
    let mut serving = Serving::start(rowcast(home.path(), &["all"], &variables));
    let outer = serving.told("serving")["address"].as_str().unwrap().to_owned();
    let inner = serving.told("metrics and health")["address"].as_str().unwrap().to_owned();

    for address in [&outer, &inner] {
        assert_eq!(get(address, "/healthz").0, 200);
        let (status, body) = get(address, "/readyz");
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(get(&outer, "/openapi.json").0, 200);
    let (status, body) = get(&outer, "/metrics");
    assert_eq!(status, 404, "metrics are not for the world: {body}");
    let (_, metrics) = get(&inner, "/metrics");
    assert!(metrics.contains("rowcast_http_requests_total{"), "{metrics}");
    assert!(metrics.contains("status=\"404\""), "{metrics}");

    let keys = home.path().join("master.keys");
    assert_eq!(keys.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // Commands work beside it, on its database.
    let nobody = output(home.path(), &["users", "reset", "nobody@shop.example"], &[]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(text(&nobody.stderr).contains("nobody has signed up as nobody@shop.example"), "{}", text(&nobody.stderr));
    let rotated = output(home.path(), &["keys", "rotate"], &[]);
    assert!(rotated.status.success() && text(&rotated.stdout).starts_with("0 workspaces"), "{rotated:?}");

    serving.signal("-TERM");
    serving.told("ended");
    assert_eq!(serving.wait().code(), Some(0));
    assert!(!home.path().join("database.url").exists());

    // The keys and the database are found again.
    let before = std::fs::read_to_string(&keys).unwrap();
    let mut again = Serving::start(rowcast(home.path(), &["all"], &variables));
    again.told("serving");
    assert_eq!(std::fs::read_to_string(&keys).unwrap(), before);
    again.signal("-INT");
    assert_eq!(again.wait().code(), Some(0));
}
