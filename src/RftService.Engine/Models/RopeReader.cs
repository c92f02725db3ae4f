using System.Text.Json;

namespace RftService.Engine.Models;

/// <summary>Reads how a model turns queries and keys: `rope_theta` with `rope_scaling`, or the newer `rope_parameters`.</summary>
internal sealed class RopeReader(ConfigReader json, int headSize, double defaultTheta)
{
    /// <summary>Names in config.json, with the fields each one has.</summary>
    private static readonly Dictionary<string, string[]> Fields = new()
    {
        ["default"] = [],
        ["linear"] = ["factor"],
        ["llama3"] = ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"],
        ["yarn"] = ["factor", "original_max_position_embeddings", "attention_factor", "beta_fast", "beta_slow", "truncate"],
        ["longrope"] = ["factor", "original_max_position_embeddings", "attention_factor", "short_factor", "long_factor"],
    };

    /// <summary>Scalings that this family may have.</summary>
    public IReadOnlyList<string> Allowed { get; init; } = ["default", "linear", "llama3", "yarn"];

    /// <summary>True: a part of each head may stay as it is.</summary>
    public bool Partial { get; init; }

    /// <summary>The one rope of all layers.</summary>
    public RopeSpec Read()
    {
        var place = json.Take("rope_parameters") is not null ? "rope_parameters" : "rope_scaling";
        return Read(json.Take(place), place, "rope_theta", defaultTheta);
    }

    /// <summary>The rope of one kind of layer, where `rope_parameters` has one for each kind, or else two fields of old.</summary>
    /// <param name="layerType">As `sliding_attention`.</param>
    /// <param name="thetaField">Old field with the base.</param>
    /// <param name="theta">Base where it is absent.</param>
    /// <param name="scaled">False: the old `rope_scaling` is not for these layers.</param>
    public RopeSpec Read(string layerType, string thetaField, double theta, bool scaled)
    {
        if (json.Take("rope_parameters") is not { } parameters)
        {
            return Read(scaled ? json.Take("rope_scaling") : null, "rope_scaling", thetaField, theta);
        }

        return parameters.ValueKind == JsonValueKind.Object && parameters.TryGetProperty(layerType, out var own)
            ? Read(own, "rope_parameters/" + layerType, thetaField, theta)
            : throw json.Refuse("rope_parameters/" + layerType, "an object", "nothing");
    }

    private RopeSpec Read(JsonElement? parameters, string place, string thetaField, double theta)
    {
        var (share, baseOf) = (json.Optional("partial_rotary_factor", null), json.Optional(thetaField, null));
        if (parameters is not { } given)
        {
            return new RopeSpec(baseOf ?? theta, Dimensions(share, "partial_rotary_factor"));
        }

        if (given.ValueKind != JsonValueKind.Object)
        {
            throw json.Refuse(place, "an object or null", given.GetRawText());
        }

        theta = Value(given, "rope_theta", place) ?? baseOf ?? theta;
        var dimensions = Dimensions(Value(given, "partial_rotary_factor", place) ?? share, "partial_rotary_factor");
        return new RopeSpec(theta, dimensions, Scaling(given, place, dimensions));
    }

    private int Dimensions(double? share, string place)
    {
        var dimensions = (int)(headSize * (share ?? 1));
        if (!Partial && dimensions != headSize)
        {
            throw json.Refuse(place, "1, as this family's heads turn whole", $"{share}");
        }

        return dimensions is > 0 && dimensions % 2 == 0 && dimensions <= headSize
            ? dimensions
            : throw json.Refuse(place, $"a share of the head's {headSize} dimensions that is an even number of them", $"{share}");
    }

    private RopeScaling? Scaling(JsonElement scaling, string place, int dimensions)
    {
        // "type" is the older spelling of "rope_type", "su" that of "longrope".
        var written = scaling.TryGetProperty("rope_type", out var type) || scaling.TryGetProperty("type", out type) ? type.ToString() : "nothing";
        var name = written == "su" ? "longrope" : written;
        if (!Allowed.Contains(name))
        {
            throw json.Refuse(place + "/rope_type", string.Join(" or ", Allowed), written);
        }

        foreach (var member in scaling.EnumerateObject())
        {
            if (!Fields[name].Contains(member.Name) && member.Name is not ("rope_type" or "type" or "rope_theta" or "partial_rotary_factor"))
            {
                throw json.Refuse($"{place}/{member.Name}", $"no such field for {name}", member.Value.GetRawText());
            }
        }

        double Needed(string field) => json.Positive(scaling, field, $"{place}/{field}", fallback: null);
        double? Maybe(string field) => Value(scaling, field, place);
        return name switch
        {
            "linear" => new LinearRopeScaling(Needed("factor")),
            "llama3" => new Llama3RopeScaling(
                Needed("factor"), Needed("low_freq_factor"), Needed("high_freq_factor"), Needed("original_max_position_embeddings")),
            "yarn" => new YarnRopeScaling(
                Needed("factor"),
                Maybe("original_max_position_embeddings") ?? json.Integer("max_position_embeddings"),
                Maybe("beta_fast") ?? 32,
                Maybe("beta_slow") ?? 1,
                !scaling.TryGetProperty("truncate", out var truncate) || truncate.ValueKind != JsonValueKind.False,
                Maybe("attention_factor")),
            "longrope" => LongRope(scaling, place, dimensions, Maybe("original_max_position_embeddings"), Maybe("attention_factor")),
            _ => null,
        };
    }

    // Beyond the original context the long factors would hold for all rows of a batch as soon as one is that long: what a row gets
    // would depend on its neighbours. So the context ends there, see Phi3.
    private LongRopeScaling LongRope(JsonElement scaling, string place, int dimensions, double? original, double? amplitude)
    {
        if (!scaling.TryGetProperty("short_factor", out var list) || list.ValueKind != JsonValueKind.Array || list.GetArrayLength() != dimensions / 2
            || list.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.Number || item.GetDouble() <= 0))
        {
            var found = list.ValueKind == JsonValueKind.Undefined ? "nothing" : list.GetRawText();
            throw json.Refuse(place + "/short_factor", $"a list of {dimensions / 2} numbers above 0", found);
        }

        var context = original ?? json.Optional("original_max_position_embeddings", null) ?? 4096;
        var growth = json.Integer("max_position_embeddings") / context;
        return new LongRopeScaling(
            [.. list.EnumerateArray().Select(item => item.GetDouble())],
            context,
            amplitude ?? (growth > 1 ? Math.Sqrt(1 + (Math.Log(growth) / Math.Log(context))) : 1));
    }

    private double? Value(JsonElement holder, string field, string place) =>
        json.Positive(holder, field, $"{place}/{field}", double.NaN) is var value && double.IsNaN(value) ? null : value;
}
