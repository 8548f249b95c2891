//! What to do about a database that answers and takes nothing. Pure.

use crate::settings::InfluxApi;

/// What would be right, by the status and the words of a refusal.
pub(super) fn remedy(status: u16, said: &str, api: &InfluxApi) -> String {
    let said = said.to_ascii_lowercase();
    let v2 = matches!(api, InfluxApi::V2 { .. });
    if said.contains("<html") || said.contains("<!doctype html") {
        return "a web page answered: url is not the database, or a proxy with a sign-in stands in between"
            .to_owned();
    }
    match status {
        200..=299 => "a database that has written answers 204: compare url with its address".to_owned(),
        300..=399 => "it points elsewhere: write the address it points to as url".to_owned(),
        401 if v2 => "the token is not accepted: put the right one in its place".to_owned(),
        401 => "username and password are not accepted: compare them with the server".to_owned(),
        403 if v2 => "the token may not write: give it the right to write into the bucket".to_owned(),
        403 => "the user may not write: grant it on the database".to_owned(),
        404 if v2 => {
            "no such organisation or bucket: compare org and bucket with the server, or make the bucket with \
             `steamward influx --create`; or the server has no /api/v2/write: then write api = \"v1\""
                .to_owned()
        }
        404 => "no such database: compare `database` with the server, or create it there".to_owned(),
        407 => "a proxy wants a sign-in: let this machine reach the database past it".to_owned(),
        400 if said.contains("org") && v2 => {
            "write org = \"…\" in this outlet, the organisation's name as the server shows it".to_owned()
        }
        _ => "it takes nothing of what is sent, so nothing is set aside: its words say what to change there"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::remedy;
    use crate::settings::InfluxApi;

    #[test]
    fn each_refusal_of_a_real_server_has_its_remedy() {
        let v2 = InfluxApi::V2 { org: String::new(), bucket: "boilers".to_owned(), token: None };
        let v1 = InfluxApi::V1 { database: "boilers".to_owned(), login: None };
        for (api, status, said, wanted) in [
            (&v2, 400, r#"{"code":"invalid","message":"Please provide either orgID or org"}"#, "write org ="),
            (
                &v2,
                401,
                r#"{"code":"unauthorized","message":"unauthorized access"}"#,
                "the token is not accepted",
            ),
            (
                &v2,
                403,
                r#"{"code":"forbidden","message":"insufficient permissions for write"}"#,
                "may not write",
            ),
            (&v2, 404, r#"{"code":"not found","message":"bucket \"b\" not found"}"#, "bucket"),
            (&v1, 404, r#"{"error":"database not found: \"b\""}"#, "no such database"),
            (&v1, 200, "<!DOCTYPE html><html>", "a web page answered"),
            (&v1, 302, "", "write the address"),
            (&v1, 200, "OK", "answers 204"),
        ] {
            let told = remedy(status, said, api);
            assert!(told.contains(wanted), "{status} {said}: {told}");
        }
    }
}
