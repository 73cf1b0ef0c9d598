"""Words a made-up company is written with; names of people, places and departments, in Chinese and English."""

SURNAMES = tuple(
    pair.split(":")
    for pair in (
        "王:Wang 李:Li 张:Zhang 刘:Liu 陈:Chen 杨:Yang 赵:Zhao 黄:Huang 周:Zhou 吴:Wu 徐:Xu 孙:Sun 胡:Hu 朱:Zhu 高:Gao 林:Lin "
        "何:He 郭:Guo 马:Ma 罗:Luo 梁:Liang 宋:Song 郑:Zheng 谢:Xie 韩:Han 唐:Tang 冯:Feng 于:Yu 董:Dong 萧:Xiao 程:Cheng "
        "曹:Cao 袁:Yuan 邓:Deng 许:Xu 傅:Fu 沈:Shen 曾:Zeng 彭:Peng 吕:Lv 苏:Su 卢:Lu 蒋:Jiang 蔡:Cai 贾:Jia 丁:Ding 魏:Wei "
        "薛:Xue 叶:Ye 阎:Yan 余:Yu 潘:Pan 杜:Du 戴:Dai 夏:Xia 钟:Zhong 汪:Wang 田:Tian 任:Ren 姜:Jiang 欧阳:Ouyang 司马:Sima "
        "诸葛:Zhuge 上官:Shangguan"
    ).split()
)
GIVEN = tuple(
    pair.split(":")
    for pair in (
        "伟:wei 芳:fang 娜:na 敏:min 静:jing 丽:li 强:qiang 磊:lei 军:jun 洋:yang 勇:yong 艳:yan 杰:jie 娟:juan 涛:tao 明:ming "
        "超:chao 霞:xia 平:ping 刚:gang 桂:gui 文:wen 辉:hui 玲:ling 鹏:peng 华:hua 红:hong 英:ying 建:jian 国:guo 志:zhi "
        "海:hai 晓:xiao 宇:yu 浩:hao 轩:xuan 梓:zi 涵:han 一:yi 诺:nuo 思:si 雨:yu 欣:xin 怡:yi 佳:jia 俊:jun 凯:kai 博:bo "
        "睿:rui 泽:ze 天:tian 昊:hao 子:zi 墨:mo 若:ruo 曦:xi 嘉:jia 琪:qi 婷:ting 雪:xue 梅:mei 兰:lan 竹:zhu 菊:ju 春:chun "
        "秋:qiu 冬:dong 山:shan 川:chuan 江:jiang 河:he 云:yun 月:yue 星:xing 辰:chen 龙:long 凤:feng 麟:lin 翔:xiang 飞:fei"
    ).split()
)
FIRST_NAMES = (
    "Ava Ben Chloe Daniel Emma Felix Grace Henry Isla Jack Kira Liam Maya Noah Olivia Peter Quinn Rosa Samuel Tessa Uma "
    "Victor Wendy Xavier Yara Zoë Aaron Bella Carlos Diana Ethan Fiona George Hannah Ivan Julia Kevin Laura Marcus Nina "
    "Oscar Paula Raj Sofia Thomas Ursula Vera William Ximena Yusuf Zara Amélie Björn Chiara Dmitri Eoin François Gustavo "
    "Hye-jin Ingrid José Kwame Lucía Mateus Nadia Ørjan Priya Renée Siobhán Tomás"
).split()
LAST_NAMES = (
    "Adams Baker Carter Dixon Evans Foster Gray Hughes Irving Jones Kelly Lewis Morgan Nolan Owens Parker Quigley Reed "
    "Stone Turner Underwood Vance Walker Young Zimmer Abbott Brooks Cohen Dalton Ellis Fischer Garcia Hoffmann Ibrahim "
    "Jensen Kowalski Larsen Mbeki Nakamura O'Brien Patel Rossi Schmidt Tanaka Ueda Volkov Watson Yamamoto Zapata Anderson "
    "Bianchi Chowdhury D'Souza Eriksson Fernández González Haddad Iyer Jansson Köhler Lefèvre Müller Nguyen Okafor Pereira "
    "Smith-Jones Suárez Thompson VanDyke Wójcik"
).split()
CITIES = tuple(
    triple.split(":")
    for triple in (
        "北京:Beijing:CN 上海:Shanghai:CN 深圳:Shenzhen:CN 杭州:Hangzhou:CN 广州:Guangzhou:CN 成都:Chengdu:CN 武汉:Wuhan:CN "
        "南京:Nanjing:CN 西安:Xi'an:CN 苏州:Suzhou:CN 厦门:Xiamen:CN 新加坡:Singapore:SG 东京:Tokyo:JP 伦敦:London:GB "
        "柏林:Berlin:DE 纽约:NewYork:US 西雅图:Seattle:US 多伦多:Toronto:CA"
    ).split()
)


def _function(zh: str, en: str, topics: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return zh, en, tuple((topic.split(":")[0], topic.split(":")[1]) for topic in topics.split("|"))


FUNCTIONS = (
    _function(
        "研发中心",
        "Engineering",
        "后端研发部:Backend|前端研发部:Frontend|移动研发部:Mobile|平台架构部:Platform|数据智能部:Data & AI|质量保障部:Quality|基础设施部:"
        "Infrastructure|安全部:Security",
    ),
    _function("产品部", "Product", "产品设计部:Product Design|用户研究部:User Research|产品运营部:Product Operations|增长部:Growth"),
    _function("销售部", "Sales", "大客户部:Key Accounts|渠道部:Channels|华东区:East China|华南区:South China|海外区:Overseas|售前部:Presales"),
    _function("市场部", "Marketing", "品牌部:Brand|内容部:Content|活动部:Events|公关部:Public Relations"),
    _function("人力资源部", "People", "招聘部:Recruiting|薪酬福利部:Compensation|培训发展部:Learning|员工关系部:Employee Relations"),
    _function("财务部", "Finance", "会计部:Accounting|资金部:Treasury|税务部:Tax|财务分析部:Planning"),
    _function("法务合规部", "Legal & Compliance", "合同部:Contracts|知识产权部:Intellectual Property|合规部:Compliance"),
    _function("客户成功部", "Customer Success", "实施部:Onboarding|技术支持部:Support|客户运营部:Customer Operations"),
    _function("供应链部", "Supply Chain", "采购部:Procurement|物流部:Logistics|仓储部:Warehousing|计划部:Demand Planning"),
    _function("信息技术部", "IT", "桌面支持部:Desktop|网络部:Network|企业应用部:Business Applications"),
    _function("制造中心", "Manufacturing", "一厂:Plant One|二厂:Plant Two|工艺部:Process Engineering|设备部:Equipment"),
    _function("战略投资部", "Strategy", "投资部:Investments|战略规划部:Corporate Planning|行业研究部:Research"),
)
TITLES = tuple(
    pair.split(":")
    for pair in (
        "工程师:Engineer|高级工程师:Senior Engineer|专员:Specialist|高级专员:Senior Specialist|分析师:Analyst|设计师:Designer|"
        "顾问:Consultant|助理:Assistant|项目经理:Project Manager|架构师:Architect|实习生:Intern"
    ).split("|")
)
COMPANIES = (("远帆科技", "Farsail Technology"), ("青禾制造", "Greenfield Works"), ("云杉软件", "Spruce Software"))
DOMAINS = ("example.com", "example.org", "example.net")
