//! A policy: rejects requests of unknown teams, and names the team in the response.

use gatehouse::{
    flags, Exchange, Fail, Json, Next, Out, Plugin, Problem, Result, Series, SeriesKind, Setup,
};

struct Guard {
    header: String,
    teams: Vec<String>,
    rejected: Series,
}

impl Plugin for Guard {
    fn new(setup: &Setup, config: Json) -> Result<Self, Problem> {
        let (name, help) = ("guard_rejected_total", "Requests of unknown teams.");
        let teams: Vec<_> = config.get("teams").elements().filter_map(|t| t.as_str()).collect();
        if teams.contains(&"") {
            return Err(Problem::new("/teams", "the name of a team must not be empty"));
        }
        Ok(Guard {
            header: config.get("header").as_str().unwrap_or_default().to_string(),
            teams: teams.into_iter().map(String::from).collect(),
            rejected: Series::new(setup.host(), SeriesKind::Counter, name, help, &[]),
        })
    }

    fn handle(&self, x: &mut Exchange, out: &mut Out, next: &mut Next) -> Result {
        let team = x.header(&self.header).unwrap_or_default();
        if !self.teams.iter().any(|known| known == team) {
            self.rejected.record(x.host(), 1.0);
            let message = format!("Send the name of your team in the header {}.", self.header);
            return Err(Fail::new(403, "unknown_team", message).into());
        }
        x.set_header("X-Served-Team", team);
        next.call(x, out)
    }
}

gatehouse::plugin! {
    plugin: Guard,
    name: "guard",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Rejects requests of unknown teams",
    schema: include_str!("../schema.json"),
    flags: flags::GUARD | flags::HEAD,
}

#[cfg(test)]
mod tests {
    use gatehouse_testing::Harness;

    const CONFIG: &str = r#"{"teams": ["blue"]}"#;

    #[test]
    fn names_the_team_in_the_response() {
        let mut gateway = Harness::new(&crate::gatehouse_plugin_v1, CONFIG);
        gateway.run(r#"{"headers": {"X-Team": "blue"}, "next": [["bytes+last:hi"]]}"#);
        assert_eq!(&gateway["/headers/X-Served-Team"], "blue");
        assert_eq!(&gateway["/body"], "hi");
    }

    #[test]
    fn rejects_an_unknown_team() {
        let mut gateway = Harness::new(&crate::gatehouse_plugin_v1, CONFIG);
        gateway.run(r#"{"headers": {"X-Team": "red"}}"#);
        assert_eq!(&gateway["/status"], "403");
        assert_eq!(&gateway["/failure/code"], "unknown_team");
        assert_eq!(&gateway["/next_calls"], "0");
        assert_eq!(&gateway["/metrics/guard_rejected_total"], "1");
    }

    #[test]
    fn reports_an_empty_team_with_its_place() {
        let made = Harness::try_new(&crate::gatehouse_plugin_v1, r#"{"teams": [""]}"#);
        assert_eq!(made.unwrap_err(), "/teams: the name of a team must not be empty");
    }
}
