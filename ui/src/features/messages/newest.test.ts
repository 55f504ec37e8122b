import { newest } from "./newest";

describe("the newest body", () => {
  it("sets updated_at and timestamp, and leaves every other letter as it was", () => {
    const body = `{
  "data": {
    "id": "user_1",
    "updated_at": 1795884793888,
    "big": 12345678901234567890,
    "list": [{ "updated_at": 1 }, 2, "a,b", {}],
    "inner": { "updated_at": 3, "timestamp": 4 },
    "created_at": 5
  },
  "timestamp": 1795884793999,
  "type": "user.updated"
}`;
    expect(newest(body, 42)).toBe(
      body.replace("1795884793888", "42").replace("1795884793999", "42"),
    );
  });

  it("does with one of the two", () => {
    expect(newest('{"timestamp":1,"data":{}}', 9)).toBe('{"timestamp":9,"data":{}}');
    expect(newest('{"data":{"a":[1,2],"updated_at":1}}', 9)).toBe(
      '{"data":{"a":[1,2],"updated_at":9}}',
    );
  });

  it("has nothing to say where there is no such time", () => {
    expect(newest('{"type":"user.created","data":{"updated_at":null}}', 9)).toBeNull();
    expect(newest('[{"timestamp":1}]', 9)).toBeNull();
    expect(newest('{"timestamp":1', 9)).toBeNull();
    expect(newest("plain", 9)).toBeNull();
  });
});
