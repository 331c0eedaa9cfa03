use gatehouse_testing::Harness;

fn gateway() -> Harness {
    Harness::new(&crate::gatehouse_plugin_v1, r#"{"base_url": "http://127.0.0.1:9"}"#)
}

#[test]
fn streams_the_text_of_the_server() {
    let mut gateway = gateway();
    gateway.run(
        r#"{"chat": {"model": "m", "messages": []},
            "upstream": [{"sse": ["{\"text\": \"Hello\"}", "{\"finish\": \"stop\"}"]}]}"#,
    );
    assert_eq!(&gateway["/events"], r#"["step-start","text:Hello","step-finish:stop"]"#);
    assert_eq!(&gateway["/upstream/0/path"], "/chat");
    assert_eq!(&gateway["/upstream/0/body"], r#"{"model":"m","messages":[]}"#);
}

#[test]
fn reports_a_server_that_fails() {
    let mut gateway = gateway();
    gateway.run(r#"{"chat": {"model": "m"}, "upstream": [{"status": 500}]}"#);
    assert_eq!(&gateway["/status"], "502");
    assert_eq!(&gateway["/failure/detail"], "status 500");
}

#[test]
fn reports_a_response_that_breaks_off() {
    let mut gateway = gateway();
    gateway.run(r#"{"chat": {"model": "m"}, "upstream": [{"sse": ["{\"text\": \"Hel\"}"]}]}"#);
    assert_eq!(&gateway["/events"], r#"["step-start","text:Hel"]"#);
    assert_eq!(&gateway["/failure/code"], "upstream_broken");
}

#[test]
fn passes_on_what_is_not_a_chat() {
    let mut gateway = gateway();
    gateway.run(r#"{"next": [["bytes+last:hi"]]}"#);
    assert_eq!(&gateway["/body"], "hi");
}

#[test]
fn reports_a_wrong_address_with_its_place() {
    let made = Harness::try_new(&crate::gatehouse_plugin_v1, r#"{"base_url": "ftp://x"}"#);
    assert!(made.unwrap_err().starts_with("/base_url: "));
}
